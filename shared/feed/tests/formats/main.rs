//! Unpacking, tables, JSON and sheets, as their users call them.

mod driver;
mod fuzz;
mod gzips;
mod json;
mod sheets;
mod speed;
mod tables;
mod unpacking;
mod workbook;
mod zipper;
