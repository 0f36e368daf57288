//! What a store promises, held against what it was asked.

mod crashes;
mod damage;
mod marks;
mod support;
mod use_of_it;
