//! Options that several commands take: one file a group.

mod connection;
mod host;
mod operator;
mod parked;
mod state;
mod stream;
mod world;

pub use connection::ParamOptions;
pub use host::HostOptions;
pub use operator::OperatorOptions;
pub use parked::ParkedOptions;
pub use state::StateOptions;
pub use stream::StreamOptions;
pub use world::WorldOptions;
