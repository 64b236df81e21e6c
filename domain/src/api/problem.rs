//! Errors, after RFC 9457, as `application/problem+json`.

wire! {
    /// A problem document.
    pub struct Problem {
        /// `urn:jigline:problem:CODE`.
        #[serde(rename = "type")]
        pub kind: String,
        /// Stable, for programs: `not_signed_in`, `forbidden`, `not_found`, `invalid`, `conflict`, `too_large`, `internal`, ...
        pub code: String,
        /// HTTP status.
        pub status: u16,
        /// One sentence: what, where and what to do next.
        pub detail: String,
        /// Faults by field, all at once.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub faults: Vec<FieldFault>,
        /// Why a station is to start no board, with its figures: what it shows at every slot (`station_frozen`, `wire_version`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reason: Option<crate::text::Fault>,
    }
}

wire! {
    pub struct FieldFault {
        pub field: String,
        pub detail: String,
    }
}
