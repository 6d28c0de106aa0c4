//! SPDY/3.1 and WebSocket streams of exec, attach and port-forward.
