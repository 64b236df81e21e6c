//! The protocol machines against each other, over lines in virtual time.

mod boot_menu;
mod flash_session;
mod modbus;
mod support;
mod ymodem_receiver_traps;
mod ymodem_sender_traps;
