//! Scenarios, state machines beside reference models, and real threads.

mod alarm;
mod clients;
mod clients_model;
mod places;
mod places_model;
mod pool;
mod pool_model;
mod round_robin;
mod round_robin_model;
mod threads;
