//! The loss around a trained model, as pictures: along random directions, along the path of its training, along the
//! line from its first parameters to its last.
//!
//! A network has too many parameters to look at; a picture shows the loss on a plane through them, and says little of
//! what lies beside it. So each comes with what it leaves out: the share of the path's variance that lies in the plane,
//! and how far the path is from the plane at each of its points.

mod directions;
mod page;
mod path;
mod picture;
mod plane;
mod replay;
mod segment;

pub use directions::filter_normalized_direction;
pub use path::{Path, PathPlane};
pub use picture::{Landscape, LandscapeOptions, PathPicture};
pub use plane::{Plane, Surface};
pub use replay::{Replay, Sameness, replay};
pub use segment::Segment;
