//! DefaultIngressClass: an Ingress that names no class gets the default one.

use kubernel_meta::{ApiError, Object};

use super::in_tree::default_class;
use super::{Attributes, Operation, View};

const DEFAULT_ANNOTATION: &str = "ingressclass.kubernetes.io/is-default-class";
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

pub(super) async fn admit(view: &View<'_>, request: &Attributes<'_>, ingress: &mut Object) -> Result<(), ApiError> {
    if !request.is_main("networking.k8s.io", "ingresses") || request.operation != Operation::Create {
        return Ok(());
    }
    let named = ingress.at(&["spec", "ingressClassName"]).is_some_and(|name| !name.is_null())
        || ingress.annotations().any(|(key, _)| key == CLASS_ANNOTATION);
    if named {
        return Ok(());
    }
    let prefix = "/registry/networking.k8s.io/ingressclasses/";
    if let Some(class) = default_class(view, prefix, DEFAULT_ANNOTATION).await? {
        ingress.set(&["spec", "ingressClassName"], class);
    }
    Ok(())
}
