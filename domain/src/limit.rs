//! Limits of a measurement: inclusive at both ends, either end may be open.

wire! {
    /// `min <= reading <= max`, in the measurement's unit.
    #[derive(Copy, Default)]
    pub struct Limit {
        /// Lower bound; none: open.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub min: Option<f64>,
        /// Upper bound; none: open.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max: Option<f64>,
    }
}

impl Limit {
    /// Whether `reading` is within; a reading that is not a number never is.
    #[must_use]
    pub fn holds(&self, reading: f64) -> bool {
        reading.is_finite()
            && self.min.is_none_or(|min| reading >= min)
            && self.max.is_none_or(|max| reading <= max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_belong_to_the_limit_and_garbage_never_does() {
        let limit = Limit { min: Some(2280.0), max: Some(2360.0) };
        assert!(limit.holds(2280.0) && limit.holds(2360.0));
        assert!(!limit.holds(2279.9) && !limit.holds(2360.1));
        assert!(!limit.holds(f64::NAN) && !Limit::default().holds(f64::INFINITY));
    }
}
