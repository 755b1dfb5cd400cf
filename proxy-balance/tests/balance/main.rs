//! Scenarios, reference models under random interleavings, and real threads.

mod alarm;
mod clients;
mod clients_model;
mod places;
mod places_model;
mod pool;
mod pool_model;
mod round_robin;
mod threads;
