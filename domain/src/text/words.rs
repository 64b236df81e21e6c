//! The form of a page's catalogue.

/// Words of a page, English and Chinese side by side: `key: "English", "中文";`. A key without both does not build. Gives a type `Texts` with
/// one field a key, and `EN` and `ZH` of it.
#[macro_export]
macro_rules! texts {
    ($($key:ident: $en:literal, $zh:literal;)+) => {
        /// One field a key.
        pub struct Texts {
            $(pub $key: &'static str,)+
        }

        pub static EN: Texts = Texts { $($key: $en,)+ };
        pub static ZH: Texts = Texts { $($key: $zh,)+ };

        #[cfg(test)]
        impl Texts {
            /// Every key with its text.
            pub fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($key), self.$key),)+]
            }

            /// Keys whose Chinese has no Chinese letter, or of which one text is empty.
            pub fn untranslated() -> Vec<&'static str> {
                let is_chinese = |letter: char| ('\u{4e00}'..='\u{9fff}').contains(&letter);
                let pairs = EN.all().into_iter().zip(ZH.all());
                let lacking = pairs.filter(|((_, en), (_, zh))| en.trim().is_empty() || !zh.chars().any(is_chinese));
                lacking.map(|((key, _), _)| key).collect()
            }
        }
    };
}
