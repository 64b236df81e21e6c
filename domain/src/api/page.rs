//! Keyset pages.

wire! {
    /// One page of a list. `next` is an opaque key; none on the last page.
    pub struct Page<T> {
        pub items: Vec<T>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub next: Option<String>,
    }
}
