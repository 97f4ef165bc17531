//! Tests of the engine: a test for each row of the table, whole flows, groups, and a simulator.

mod apart;
mod calling;
mod docs;
mod flows;
mod group;
mod media;
mod reachability;
mod records;
mod ringing;
mod rules;
mod sign_in;
mod simulator;
mod stage;
mod watch;
