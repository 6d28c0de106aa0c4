//! What is valid everywhere: names, label keys and values, object metadata, in upstream's words.
//!
//! What is valid for one kind only belongs to that kind (`kubernel-kinds`).

mod name;
mod object_meta;
mod text;

pub use name::{
    c_identifier, config_map_key, dns1035_label, dns1123_label, dns1123_subdomain, env_var_name, http_header_name,
    in_range, label_key, label_value, max_length_error, path_segment_name, path_segment_prefix, port_name, port_number,
    relaxed_env_var_name, wildcard_dns1123_subdomain,
};
pub use object_meta::{
    annotations, field_manager, finalizers, immutable_field, labels, managed_fields, object_meta, object_meta_update,
    owner_references, standard_finalizers,
};
