//! Volumes a Pod mounts: configMap, secret, projected, downwardAPI, emptyDir, hostPath.
