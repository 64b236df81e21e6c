//! The operator's pile: which boards there are, and what is wrong with them.

use super::JigSettings;
use crate::{
    birth::Birth,
    faults::{self, Fault},
    firmware::{ImageRefusal, build_image},
};
use std::sync::Arc;

/// Bytes of the image that boards come with.
const OLD_IMAGE_BYTES: u32 = 24 * 1024;

/// The boards of a batch, in the order in which the operator takes them.
///
/// # Errors
/// Where the model's flash is too small for the image that boards come with.
pub fn plan_boards(settings: &JigSettings) -> Result<Vec<Plan>, ImageRefusal> {
    let size = OLD_IMAGE_BYTES.min(settings.model.image_capacity());
    let image: Arc<[u8]> = match settings.model.loader() {
        Some(_) => build_image(&settings.model, "V1.8", size, settings.seed ^ 0x006f_6c64)?.into(),
        None => Arc::new([]),
    };
    let names = Fault::ALL.into_iter().filter(|fault| fault.shows_on(&settings.model)).collect::<Vec<_>>();
    let mut assigned = faults::assign(settings.boards, settings.faulty, &names);
    if let Some(fault) = settings.fault {
        assigned.iter_mut().flatten().for_each(|bad| *bad = fault);
    }
    let mut plans: Vec<Plan> = Vec::with_capacity(assigned.len());
    for (nth, fault) in assigned.iter().enumerate() {
        let index = settings.first_board + nth as u32;
        let mut birth = Birth::new(index, settings.seed, *fault, image.clone())
            .with_knobs(settings.knobs)
            .with_disturbances(settings.disturbances);
        let remembered = settings.remembered.iter().find(|board| board.index == index);
        birth = birth.with_memory_of(remembered.cloned().map(Arc::new));
        let mut original = None;
        if *fault == Some(Fault::ClonedIdentity) {
            // A healthy board that came before; where there is none, any that came before.
            let earlier = assigned[..nth].iter().position(Option::is_none).or_else(|| nth.checked_sub(1));
            if let Some(copied) = earlier {
                birth = birth.with_identity_of(&plans[copied].birth);
                original = Some(plans[copied].index);
            }
        }
        plans.push(Plan { index, birth, original });
    }
    Ok(plans)
}

/// One board of the pile.
#[derive(Debug, Clone)]
pub struct Plan {
    pub index: u32,
    pub birth: Birth,
    /// The board whose identity it copies: it is put in when that one has been taken out.
    pub original: Option<u32>,
}
