//! Tests of the model check.
