//! The engines against slow, obvious twins, and the properties of the definitions.

mod chains;
mod cut;
mod example;
mod properties;
mod sample;
mod scale;
mod table;
mod twin;
mod values;
