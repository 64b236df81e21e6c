//! Log-in and change of the password that guards the factory mode.
//!
//! Sources: JBD_REGISTER_MAP.md, "Passwords" (registers 06h and 07h, firmware 16h and later); V11, chapter 8, where digits are sent
//! as the bytes 0 to 9. The third register, which clears any password by one public constant, is not built here.

use super::Request;

const USE: u8 = 0x06;
const SET: u8 = 0x07;
const CLEAR: u8 = 0x09;
/// Changes the word that opens the factory mode (Software Board General Protocol V13, 6.3).
const FACTORY_WORD: u8 = 0x0F;
const LENGTH: usize = 6;

/// How a model wants the six characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PasswordCoding {
    /// Bytes 0 to 9 (V11).
    Digits,
    /// The characters' ASCII codes.
    Ascii,
}

/// Six characters, as they go over the line. Never shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Password([u8; LENGTH]);

/// A text is no password for this model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    #[error("the password must have exactly six characters")]
    Length,
    #[error("the password must consist of digits")]
    Digits,
    #[error("the password must consist of printable ASCII characters")]
    Ascii,
}

impl Password {
    /// # Errors
    /// [`BadPassword`]; it does not repeat the text.
    pub fn parse(text: &str, coding: PasswordCoding) -> Result<Self, BadPassword> {
        let bytes: [u8; LENGTH] = text.as_bytes().try_into().map_err(|_| BadPassword::Length)?;
        match coding {
            PasswordCoding::Digits if bytes.iter().all(u8::is_ascii_digit) => {
                Ok(Self(bytes.map(|byte| byte - b'0')))
            }
            PasswordCoding::Digits => Err(BadPassword::Digits),
            PasswordCoding::Ascii if bytes.iter().all(u8::is_ascii_graphic) => Ok(Self(bytes)),
            PasswordCoding::Ascii => Err(BadPassword::Ascii),
        }
    }
}

impl core::fmt::Debug for Password {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Password(..)")
    }
}

impl Request {
    /// Logs in; to be sent before the factory mode is entered.
    #[must_use]
    pub fn use_password(password: &Password) -> Self {
        let mut data = vec![LENGTH as u8];
        data.extend(password.0);
        Self::Write { register: USE, data }
    }

    /// Changes the password.
    #[must_use]
    pub fn set_password(current: &Password, new: &Password) -> Self {
        let mut data = vec![2 * LENGTH as u8];
        data.extend(current.0);
        data.extend(new.0);
        Self::Write { register: SET, data }
    }
}

/// Whether what is written to this register must not be shown.
pub(super) fn is_secret(register: u8) -> bool {
    matches!(register, USE | SET | CLEAR | FACTORY_WORD)
}
