//! Oracles of spec 11, reference vectors from scipy, properties, and tables that are none.

mod power;
mod statistics;
mod table;
