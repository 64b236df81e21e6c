//! The bench around the boards, as the operator's page shows it.

use crate::record::InstrumentUsed;

wire! {
    /// The bench around the boards.
    #[derive(Eq)]
    pub struct BenchOnJig {
        /// The number on the fixture's plate.
        pub serial: String,
        /// In the order of their slots.
        pub nests: Vec<NestOnJig>,
        pub instruments: Vec<InstrumentUsed>,
    }
}

wire! {
    /// A nest, and how worn it is.
    #[derive(Eq)]
    pub struct NestOnJig {
        pub slot: u16,
        /// The number on its plate.
        pub nest: String,
        /// Boards that it has clamped, and may.
        pub contacts: u64,
        pub limit: u32,
    }
}
