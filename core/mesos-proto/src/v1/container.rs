//! What a task runs in: images, volumes, networks.

use super::{ContainerID, Credential, Labels, Parameter, Parameters, Secret};
use crate::{enums, messages};

messages! {
    /// Mesos' `Image.Docker`.
    DockerImage as "Image.Docker" {
        name: required String = 1,
        credential: optional Credential = 2,
        config: optional Secret = 3,
    }

    /// Mesos' `Image`.
    Image { r#type: required ImageType = 1, docker: optional DockerImage = 3, cached: default bool = 4 [true] }

    /// Mesos' `MountPropagation`.
    MountPropagation { mode: optional MountPropagationMode = 1 }

    /// Mesos' `Volume.Source.DockerVolume`.
    DockerVolume as "Volume.Source.DockerVolume" {
        driver: optional String = 1,
        name: required String = 2,
        driver_options: optional Parameters = 3,
    }

    /// Mesos' `Volume.Source.HostPath`.
    HostPathVolume as "Volume.Source.HostPath" {
        path: required String = 1,
        mount_propagation: optional MountPropagation = 2,
    }

    /// Mesos' `Volume.Source.SandboxPath`.
    SandboxPathVolume as "Volume.Source.SandboxPath" {
        r#type: optional SandboxPathType = 1,
        path: required String = 2,
    }

    /// Mesos' `Volume.Source`.
    VolumeSource as "Volume.Source" {
        r#type: optional VolumeSourceType = 1,
        docker_volume: optional DockerVolume = 2,
        host_path: optional HostPathVolume = 5,
        sandbox_path: optional SandboxPathVolume = 3,
        secret: optional Secret = 4,
    }

    /// Mesos' `Volume`.
    Volume {
        mode: required VolumeMode = 3,
        container_path: required String = 1,
        host_path: optional String = 2,
        image: optional Box<Image> = 4,
        source: optional Box<VolumeSource> = 5,
    }

    /// Mesos' `NetworkInfo.IPAddress`.
    IpAddress as "NetworkInfo.IPAddress" {
        protocol: default NetworkProtocol = 1 [NetworkProtocol::Ipv4],
        ip_address: optional String = 2,
    }

    /// Mesos' `NetworkInfo.PortMapping`.
    NetworkPortMapping as "NetworkInfo.PortMapping" {
        host_port: required u32 = 1,
        container_port: required u32 = 2,
        protocol: optional String = 3,
    }

    /// Mesos' `NetworkInfo`.
    NetworkInfo {
        ip_addresses: repeated IpAddress = 5,
        name: optional String = 6,
        groups: repeated String = 3,
        labels: optional Labels = 4,
        port_mappings: repeated NetworkPortMapping = 7,
    }

    /// Mesos' `LinuxInfo`.
    LinuxInfo {
        share_pid_namespace: optional bool = 4,
        ipc_mode: optional IpcMode = 6,
        shm_size: optional u32 = 7,
        share_cgroups: default bool = 8 [true],
    }

    /// Mesos' `TTYInfo.WindowSize`.
    WindowSize as "TTYInfo.WindowSize" { rows: required u32 = 1, columns: required u32 = 2 }

    /// Mesos' `TTYInfo`.
    TtyInfo as "TTYInfo" { window_size: optional WindowSize = 1 }

    /// Mesos' `ContainerInfo.DockerInfo.PortMapping`.
    DockerPortMapping as "ContainerInfo.DockerInfo.PortMapping" {
        host_port: required u32 = 1,
        container_port: required u32 = 2,
        protocol: optional String = 3,
    }

    /// Mesos' `ContainerInfo.DockerInfo`.
    DockerInfo as "ContainerInfo.DockerInfo" {
        image: required String = 1,
        network: default DockerNetwork = 2 [DockerNetwork::Host],
        port_mappings: repeated DockerPortMapping = 3,
        privileged: default bool = 4 [false],
        parameters: repeated Parameter = 5,
        force_pull_image: optional bool = 6,
        volume_driver: optional String = 7,
    }

    /// Mesos' `ContainerInfo.MesosInfo`.
    MesosInfo as "ContainerInfo.MesosInfo" { image: optional Image = 1 }

    /// Mesos' `ContainerInfo`.
    ContainerInfo {
        r#type: required ContainerType = 1,
        volumes: repeated Volume = 2,
        hostname: optional String = 4,
        docker: optional Box<DockerInfo> = 3,
        mesos: optional Box<MesosInfo> = 5,
        network_infos: repeated NetworkInfo = 7,
        linux_info: optional Box<LinuxInfo> = 8,
        rlimit_info: optional RLimitInfo = 9,
        tty_info: optional TtyInfo = 10,
    }

    /// Mesos' `ContainerStatus`.
    ContainerStatus {
        container_id: optional ContainerID = 4,
        network_infos: repeated NetworkInfo = 1,
        executor_pid: optional u32 = 3,
    }

    /// Mesos' `RLimitInfo`.
    RLimitInfo { rlimits: repeated RLimit = 1 }

    /// Mesos' `RLimitInfo.RLimit`.
    RLimit as "RLimitInfo.RLimit" { r#type: optional RLimitType = 1, hard: optional u64 = 2, soft: optional u64 = 3 }
}

enums! {
    /// Mesos' `Image.Type`.
    ImageType { Appc = 1 "APPC", Docker = 2 "DOCKER" }

    /// Mesos' `MountPropagation.Mode`.
    MountPropagationMode {
        Unknown = 0 "UNKNOWN", HostToContainer = 1 "HOST_TO_CONTAINER", Bidirectional = 2 "BIDIRECTIONAL",
    }

    /// Mesos' `Volume.Mode`.
    VolumeMode { Rw = 1 "RW", Ro = 2 "RO" }

    /// Mesos' `Volume.Source.Type`.
    VolumeSourceType {
        Unknown = 0 "UNKNOWN", DockerVolume = 1 "DOCKER_VOLUME", HostPath = 4 "HOST_PATH",
        SandboxPath = 2 "SANDBOX_PATH", Secret = 3 "SECRET", CsiVolume = 5 "CSI_VOLUME",
    }

    /// Mesos' `Volume.Source.SandboxPath.Type`.
    SandboxPathType { Unknown = 0 "UNKNOWN", Own = 1 "SELF", Parent = 2 "PARENT" }

    /// Mesos' `NetworkInfo.Protocol`.
    NetworkProtocol { Ipv4 = 1 "IPv4", Ipv6 = 2 "IPv6" }

    /// Mesos' `LinuxInfo.IpcMode`.
    IpcMode { Unknown = 0 "UNKNOWN", Private = 1 "PRIVATE", ShareParent = 2 "SHARE_PARENT" }

    /// Mesos' `ContainerInfo.Type`.
    ContainerType { Docker = 1 "DOCKER", Mesos = 2 "MESOS" }

    /// Mesos' `ContainerInfo.DockerInfo.Network`.
    DockerNetwork { Host = 1 "HOST", Bridge = 2 "BRIDGE", None = 3 "NONE", User = 4 "USER" }

    /// Mesos' `RLimitInfo.RLimit.Type`.
    RLimitType {
        Unknown = 0 "UNKNOWN", As = 1 "RLMT_AS", Core = 2 "RLMT_CORE", Cpu = 3 "RLMT_CPU", Data = 4 "RLMT_DATA",
        Fsize = 5 "RLMT_FSIZE", Locks = 6 "RLMT_LOCKS", Memlock = 7 "RLMT_MEMLOCK", Msgqueue = 8 "RLMT_MSGQUEUE",
        Nice = 9 "RLMT_NICE", Nofile = 10 "RLMT_NOFILE", Nproc = 11 "RLMT_NPROC", Rss = 12 "RLMT_RSS",
        Rtprio = 13 "RLMT_RTPRIO", Rttime = 14 "RLMT_RTTIME", Sigpending = 15 "RLMT_SIGPENDING",
        Stack = 16 "RLMT_STACK",
    }
}
