//! Docker: hosts, containers, commands and runs in them, images, copies.

mod container;
mod copy;
mod host;
mod image;
mod run;

pub use container::{
    ContainerId, ContainerKill, ContainerLogs, ContainerRemove, ContainerRow, ContainerStop,
    DockerContainers,
};
pub use copy::DockerCopy;
pub use host::{DockerConnect, HostId, HostInfo, HostRow};
pub use image::{ImageList, ImagePull, ImagePulled, ImageRemove, ImageRow};
pub use run::{DockerExec, DockerRan, DockerRun, RunSpec};
