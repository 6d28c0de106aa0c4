//! Disks are made and unmade, volumes change their size, and what cannot be is refused in Mesos' words.

use kubernel_kernel::{
    Action, AgentId, Availability, Config, Disk, DiskSource, FrameworkId, Input, Kernel, Kind, Message, Millis, Mode,
    OfferId, Operation, Reservation, ResourceId, Resources, SourceForm, Step, Volume, invariants,
};

const NOW: Millis = Millis(0);
const GIB: u64 = 1 << 30;

struct Cluster {
    kernel: Kernel,
    raw: ResourceId,
    bare: ResourceId,
    own: ResourceId,
    path: ResourceId,
    volume: ResourceId,
    mounted: ResourceId,
}

/// One agent with raw disks, of a class and of none, and others.
fn cluster() -> Cluster {
    let mut kernel = Kernel::new(Config { offer_min: Resources::default(), ..Config::default() });
    let mut kind = |kind: Kind| kernel.kind(&kind, &mut Step::default()).unwrap_or(ResourceId(0));
    let reservation = Reservation { dynamic: true, role: "a".into(), principal: None, labels: Vec::new() };
    let disk = |form, profile: Option<&str>, id: Option<&str>, volume: Option<&str>, provided: bool| {
        let source = DiskSource { form, root: None, id: id.map(Into::into), profile: profile.map(Into::into) };
        let (principal, container_path, read_only) = (None, "data".into(), false);
        let volume = volume.map(|id| Volume { id: id.into(), principal, container_path, read_only });
        Kind {
            reservations: vec![reservation.clone()],
            disk: Some(Disk { volume, source: Some(source) }),
            provider: provided.then(|| "csi".into()),
            ..Kind::plain("ephemeral-storage")
        }
    };
    let raw = kind(disk(SourceForm::Raw, Some("fast"), None, None, true));
    let bare = kind(disk(SourceForm::Raw, None, Some("d0"), None, true));
    let own = kind(disk(SourceForm::Raw, Some("fast"), None, None, false));
    let path = kind(disk(SourceForm::Path, None, None, None, true));
    let volume = kind(disk(SourceForm::Mount, None, None, Some("v"), false));
    let mounted = kind(disk(SourceForm::Mount, Some("fast"), Some("d9"), Some("w"), true));
    let total = [raw, bare, own, path, volume, mounted].into_iter().map(|id| (id, 4 * GIB)).collect();
    kernel.step(NOW, Input::AddAgent { name: "agent".into(), total, availability: Availability::Open });
    let roles = vec!["a".into()];
    kernel.step(NOW, Input::Subscribe { name: "f".into(), mode: Mode::Offers, roles, failover_ms: None });
    kernel.step(NOW, Input::Tick);
    Cluster { kernel, raw, bare, own, path, volume, mounted }
}

impl Cluster {
    /// Does these with the one open offer; answers why those that failed did.
    fn accept(&mut self, actions: Vec<Action>) -> Vec<String> {
        let offers: Vec<OfferId> = self.kernel.state().offers().keys().copied().collect();
        let operation = |action| Operation { id: Some("o".into()), action };
        let operations = actions.into_iter().map(operation).collect();
        let step = self.kernel.step(NOW, Input::Accept { framework: FrameworkId(1), offers, operations, filter_ms: 0 });
        assert_eq!(step.refused, None);
        invariants::check(self.kernel.state()).unwrap_or_else(|violation| panic!("{violation}"));
        self.kernel.step(NOW, Input::Tick);
        let said = step.sends.into_iter().filter_map(|send| match send.message {
            Message::Operation { error, .. } => error.map(|error| error.to_string()),
            _ => None,
        });
        said.collect()
    }

    /// The disks of the agent, in words.
    fn disks(&self) -> Vec<String> {
        let names = self.kernel.state().names();
        let words = |(id, amount): (ResourceId, u64)| {
            let kind = names.kind(id)?;
            let source = kind.disk.as_ref()?.source.as_ref()?;
            let changed =
                !matches!(source.form, SourceForm::Path) && kind.volume().is_none() && kind.provider.is_some();
            changed.then(|| format!("{:?} {:?} {:?} {}", source.form, source.profile, source.id, amount / GIB))
        };
        let mut all: Vec<String> = self.kernel.state().agents()[&AgentId(1)].total.iter().filter_map(words).collect();
        all.sort();
        all
    }
}

fn create(source: ResourceId, target: SourceForm, profile: Option<&str>) -> Action {
    Action::CreateDisk { source, amount: GIB, target, profile: profile.map(Into::into), disk: "new".into() }
}

#[test]
fn disks_are_made_and_unmade() {
    let mut cluster = cluster();
    let before = cluster.disks();
    let made =
        vec![create(cluster.raw, SourceForm::Mount, None), create(cluster.bare, SourceForm::Block, Some("slow"))];
    assert_eq!(cluster.accept(made), Vec::<String>::new());
    let expected = [
        r#"Block Some("slow") Some("d0") 1"#,
        r#"Mount Some("fast") Some("new") 1"#,
        r#"Raw None Some("d0") 3"#,
        r#"Raw Some("fast") None 3"#,
    ];
    assert_eq!(cluster.disks(), expected);
    let names = cluster.kernel.state().names();
    let made = (0..20).map(ResourceId).find(|id| {
        let source = names.kind(*id).and_then(|kind| kind.disk.as_ref()?.source.as_ref());
        source.is_some_and(|source| source.id.as_deref() == Some("new"))
    });
    let source = made.unwrap_or(ResourceId(0));
    assert_eq!(cluster.accept(vec![Action::DestroyDisk { source }]), Vec::<String>::new());
    assert_eq!(cluster.disks()[2..], [r#"Raw Some("fast") None 4"#], "{before:?}");
}

#[test]
fn what_cannot_be_done_is_refused_in_mesos_words() {
    let c = cluster();
    let grow = |volume, by: u64| Action::Grow { volume, addition: [(c.path, by)].into_iter().collect() };
    let destroy = |source| Action::DestroyDisk { source };
    let volume = "ephemeral-storage(reservations: [(DYNAMIC,a)])[w:data]";
    let rows = [
        (create(c.own, SourceForm::Mount, None), "'source' is not managed by a resource provider".to_owned()),
        (create(c.path, SourceForm::Mount, None), "'source' is not a RAW disk resource".into()),
        (create(c.raw, SourceForm::Path, None), "'target_type' is neither MOUNT or BLOCK".into()),
        (
            create(c.raw, SourceForm::Mount, Some("x")),
            "'target_profile' must not be set when 'source' has a profile".into(),
        ),
        (create(c.bare, SourceForm::Mount, None), "'target_profile' must be set when 'source' has no profile".into()),
        (destroy(c.own), "'source' is not managed by a resource provider".into()),
        (destroy(c.path), "'source' is neither a MOUNT, BLOCK or RAW disk resource".into()),
        (destroy(c.raw), "'source' is not backed by a CSI volume".into()),
        (
            destroy(c.mounted),
            format!(
                "A disk resource containing a persistent volume {volume} cannot be destroyed directly. Please destroy \
                 the persistent volume first then destroy the disk resource"
            ),
        ),
        (grow(c.volume, 0), "The size of 'GrowVolume.addition' field must be greater than zero".into()),
        (
            grow(c.volume, 1),
            "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields".into(),
        ),
        (grow(c.mounted, 1), "Growing a volume from a resource provider is not supported".into()),
        (grow(ResourceId::CPU, 1), {
            "Invalid persistent volume in the 'GrowVolume.volume' field: Resource does not have persistence".into()
        }),
        (
            Action::Shrink { volume: c.volume, less: 0 },
            "Value of 'ShrinkVolume.subtract' must be greater than zero".into(),
        ),
        (
            Action::Shrink { volume: c.volume, less: 4 * GIB },
            "Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'".into(),
        ),
        (Action::Shrink { volume: c.volume, less: 1 }, "Shrinking a volume on a MOUNT disk is not supported".into()),
    ];
    for (action, expected) in rows {
        let shown = format!("{action:?}");
        assert_eq!(cluster().accept(vec![action]), [expected], "{shown}");
    }
}
