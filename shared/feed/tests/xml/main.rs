//! Files of XML, from their bytes to their records.

mod cut;
mod fuzz;
mod generate;
mod kit;
mod oracle;
mod pieces;
mod resume;
mod samples;
