//! The engine as its users see it: through the public interface, over real folders, also in several processes.

mod common;

mod cancel;
mod damage;
mod export;
mod external;
mod gc;
mod model;
mod plan;
mod processes;
mod run;
mod slots;
mod surroundings;
mod verify;
