//! A Rust file taken apart just so far that a rule can tell code from comments and from text in quotes.

/// The code of a file with comments and the insides of literals blanked (line breaks stay), and its string literals.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Source {
    pub code: String,
    /// Line of the opening quote, counted from 1, and what stands between the quotes as it is written.
    pub literals: Vec<(usize, String)>,
}

/// Reads a file. Text that is no Rust gives some answer and never a panic.
pub fn read(text: &str) -> Source {
    let characters: Vec<char> = text.chars().collect();
    let mut reader = Reader { characters: &characters, at: 0, line: 1, source: Source::default() };
    while let Some(next) = reader.peek(0) {
        match next {
            '/' if reader.peek(1) == Some('/') => reader.line_comment(),
            '/' if reader.peek(1) == Some('*') => reader.block_comment(),
            '"' => reader.string(None),
            'r' if reader.starts_raw_string() => reader.raw_string(),
            '\'' => reader.quote(),
            _ => reader.keep(),
        }
    }
    reader.source
}

struct Reader<'a> {
    characters: &'a [char],
    at: usize,
    line: usize,
    source: Source,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    fn take(&mut self) -> Option<char> {
        let taken = self.peek(0)?;
        self.at += 1;
        self.line += usize::from(taken == '\n');
        Some(taken)
    }

    fn keep(&mut self) {
        if let Some(taken) = self.take() {
            self.source.code.push(taken);
        }
    }

    fn blank(&mut self) {
        if let Some(taken) = self.take() {
            self.source.code.push(if taken == '\n' { '\n' } else { ' ' });
        }
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|next| next != '\n') {
            self.blank();
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.peek(0).is_some() {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => {
                    depth += 1;
                    self.blank();
                }
                (Some('*'), Some('/')) => {
                    depth -= 1;
                    self.blank();
                }
                _ => {}
            }
            self.blank();
            if depth == 0 {
                return;
            }
        }
    }

    fn starts_raw_string(&self) -> bool {
        let word_before = self.at.checked_sub(1).and_then(|before| self.characters.get(before));
        if word_before.is_some_and(|before| before.is_alphanumeric() && *before != 'b' || *before == '_') {
            return false;
        }
        let mut ahead = 1;
        while self.peek(ahead) == Some('#') {
            ahead += 1;
        }
        self.peek(ahead) == Some('"')
    }

    fn raw_string(&mut self) {
        self.keep();
        let mut hashes = 0;
        while self.peek(0) == Some('#') {
            self.keep();
            hashes += 1;
        }
        self.string(Some(hashes));
    }

    /// From the opening quote to the closing one; `raw` is the number of hashes that close a raw string.
    fn string(&mut self, raw: Option<usize>) {
        let line = self.line;
        let mut literal = String::new();
        self.keep();
        while let Some(next) = self.peek(0) {
            if next == '\\' && raw.is_none() {
                literal.push(next);
                self.blank();
                literal.extend(self.peek(0));
                self.blank();
            } else if next == '"' && (1..=raw.unwrap_or(0)).all(|ahead| self.peek(ahead) == Some('#')) {
                self.keep();
                break;
            } else {
                literal.push(next);
                self.blank();
            }
        }
        self.source.literals.push((line, literal));
    }

    /// A character literal, or a lifetime.
    fn quote(&mut self) {
        let escaped = self.peek(1) == Some('\\');
        let plain = !escaped && self.peek(2) == Some('\'');
        self.keep();
        if !escaped && !plain {
            return;
        }
        if escaped {
            self.blank();
        }
        self.blank();
        while self.peek(0).is_some_and(|next| next != '\'' && next != '\n') {
            self.blank();
        }
        self.keep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_blanked_and_lines_kept() {
        let source = read("a // todo!()\n/* x /* y */\n z */ b\n");
        assert_eq!(source.code.lines().map(str::trim_end).collect::<Vec<_>>(), ["a", "", "      b"]);
    }

    #[test]
    fn literals_come_with_their_lines_and_leave_no_trace_in_the_code() {
        let source = read(
            "let a = \"one \\\" two\";\nlet b = r#\"three \" // four\"#;\nlet c = '\"'; let d: &'static str;",
        );
        assert_eq!(source.literals, [(1, "one \\\" two".to_owned()), (2, "three \" // four".to_owned())]);
        assert!(!source.code.contains("two") && !source.code.contains("four"));
        assert!(source.code.contains("&'static str;"));
    }

    #[test]
    fn an_escaped_quote_character_does_not_open_a_string() {
        let source = read("let a = '\\''; let b = '\"'; code(\"text\")");
        assert_eq!(source.literals, [(1, "text".to_owned())]);
        assert!(source.code.contains("code("));
    }

    #[test]
    fn a_file_that_ends_in_the_middle_is_no_panic() {
        for text in ["\"open", "r##\"open", "/* open", "'", "'\\", "\"\\"] {
            let _ = read(text);
        }
    }
}
