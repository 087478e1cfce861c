mod conditions;
mod convert;
mod documents;
mod evaluation;
mod patterns;
mod shop;
mod support;
mod twin;
