//! A board of the shift that is a reference.

use crate::memory_server::MemoryServer;
use anyhow::{Context as _, Result};
use domain::{
    model::DeviceModel,
    reference::{MustFail, Reference, ReferenceKind, ReferenceLife},
    step::Step,
    text::FaultCode,
};
use simulator::{Board, jig::Plan};
use std::sync::Arc;

/// Whoever keeps the references knows it by what it shows. A fresh board holds no profile: a known-bad one is known for that.
pub(super) fn register(server: &MemoryServer, model: &Arc<DeviceModel>, plan: &Plan) -> Result<()> {
    let seen = Board::new(Arc::clone(model), plan.birth.clone()).observe();
    let mut unique = model.identity.fields.iter().filter(|field| field.unique);
    let field = unique.next().context("boards of this model show nothing that is theirs alone")?;
    let shown = seen.text(model, &field.register).context("it shows no identity")?;
    let is_bad = plan.index.is_multiple_of(2);
    let must_fail = MustFail { code: FaultCode::RegisterDoesNotHold, step: Step::Verify };
    let what = Reference {
        name: format!("R{}", plan.index),
        kind: if is_bad { ReferenceKind::KnownBad } else { ReferenceKind::Golden },
        must_fail: is_bad.then_some(must_fail),
        profile: None,
        life: ReferenceLife::default(),
    };
    server.register((field.kind, shown.trim().to_owned()), what);
    Ok(())
}
