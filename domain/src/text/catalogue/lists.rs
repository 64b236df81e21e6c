//! What is wrong with a line of a customer's list, in both languages.

use super::Language;
use crate::number_list::{LONGEST_LIST, LONGEST_NUMBER, ListProblem};

/// In one sentence, with its figures.
#[must_use]
pub fn list_problem_text(language: Language, problem: &ListProblem) -> String {
    use Language::{En, Zh};
    use ListProblem as P;
    match (language, problem) {
        (En, P::Character { number, character }) => {
            format!("{number:?} holds {character:?}; a number has letters, digits, '-', '_', '.' and '/'")
        }
        (Zh, P::Character { number, character }) => {
            format!("“{number}”含有“{character}”；编号只能含字母、数字和 - _ . /")
        }
        (En, P::Long { number, found }) => {
            format!("{number} has {found} characters, at most {LONGEST_NUMBER} are taken")
        }
        (Zh, P::Long { number, found }) => format!("{number} 有 {found} 个字符，最多 {LONGEST_NUMBER} 个"),
        (En, P::Check { number }) => {
            format!("{number} does not end with its check character (ISO 7064 MOD 37,36)")
        }
        (Zh, P::Check { number }) => format!("{number} 的校验字符不正确（ISO 7064 MOD 37,36）"),
        (En, P::Twice { number, first }) => format!("{number} stands in line {first} already"),
        (Zh, P::Twice { number, first }) => format!("{number} 已在第 {first} 行出现"),
        (En, P::Known { number }) => {
            format!("{number} is in the world already, on a board, at a station or on another list")
        }
        (Zh, P::Known { number }) => format!("{number} 已被使用：在某块板上、某工站或其他清单中"),
        (En, P::TooMany { found }) => {
            format!("the list has {found} numbers, at most {LONGEST_LIST} are taken")
        }
        (Zh, P::TooMany { found }) => format!("清单有 {found} 个编号，最多 {LONGEST_LIST} 个"),
        (En, P::TooFew { found, wanted }) => format!("{found} numbers are too few for {wanted} units"),
        (Zh, P::TooFew { found, wanted }) => format!("{found} 个编号不足以用于 {wanted} 个单体"),
    }
}
