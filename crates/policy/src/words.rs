//! Enumerations whose values are words of the language.

/// An enumeration with the word of each value.
pub(crate) trait Words: Copy + 'static {
    /// Every value with its word, in the order in which messages list them.
    const WORDS: &'static [(&'static str, Self)];
}

macro_rules! words {
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$value_meta:meta])* $value:ident = $word:literal),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name {
            $($(#[$value_meta])* $value),+
        }

        impl $name {
            /// The word in the language.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$value => $word),+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.pad(self.word())
            }
        }

        impl $crate::words::Words for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$value)),+];
        }
    };
}

pub(crate) use words;
