//! What a page draws of a run that is under work.

use super::Work;
use crate::shared::RunSeen;
use domain::{api::operator::TraceLimit, procedure::MeasurementSpec, trace};
use std::sync::Arc;

impl Work {
    /// What is drawn of this run.
    pub fn seen(&self) -> RunSeen {
        let limit = |spec: &MeasurementSpec| {
            let (quantity, limit) = trace::limit_of(&spec.name, &spec.unit, &spec.limit)?;
            Some(TraceLimit { quantity, title: spec.title.clone(), limit })
        };
        RunSeen {
            run_id: self.draft.record.run_id,
            started_at: self.started_at(),
            steps: self.draft.marks(),
            traces: self.draft.record.traces.clone(),
            limits: self.order.procedure.measurements.iter().filter_map(limit).collect(),
            model: Arc::clone(&self.order.model),
        }
    }
}
