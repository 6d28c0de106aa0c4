//! Users of this machine, as its files name them.

use std::fs;

use super::enter::User;

/// The user of a name, with the groups it is in.
pub(super) fn by_name(name: &str) -> Result<User, String> {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    named(&passwd, &groups, name).ok_or_else(|| format!("user {name:?} is not known on this node"))
}

/// The user of a number; a number that nobody has is a user, too.
pub(super) fn by_number(uid: u32) -> User {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    let name = passwd.lines().find(|line| line.split(':').nth(2) == Some(uid.to_string().as_str()));
    let known = name.and_then(|line| named(&passwd, &groups, line.split(':').next()?));
    known.unwrap_or(User { uid, gid: 0, groups: Vec::new() })
}

fn named(passwd: &str, groups: &str, name: &str) -> Option<User> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let of_group = |line: &str| {
        let mut fields = line.split(':').skip(2);
        let gid: u32 = fields.next()?.parse().ok()?;
        fields.next()?.split(',').any(|member| member.trim() == name).then_some(gid)
    };
    let mut all = vec![gid];
    all.extend(groups.lines().filter_map(of_group).filter(|other| *other != gid));
    Some(User { uid, gid, groups: all })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nann:x:7:8::/:/bin/sh\n";
        let groups = "root:x:0:\nann:x:8:\ndisk:x:9:bob,ann\nmore:x:10:bob\n";
        let user = |uid, gid, groups: &[u32]| Some(User { uid, gid, groups: groups.to_vec() });
        for (name, expected) in [("root", user(0, 0, &[0])), ("ann", user(7, 8, &[8, 9])), ("bob", None)] {
            assert_eq!(named(passwd, groups, name), expected, "{name}");
        }
    }
}
