//! The protocol machines against each other, over lines in virtual time.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a bench that cannot go on must fail its test")]

mod boot_menu;
mod flash_session;
mod modbus;
mod support;
mod ymodem_receiver_traps;
mod ymodem_sender_leaves;
mod ymodem_sender_traps;
