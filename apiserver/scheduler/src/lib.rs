//! Framework number one: turns Pods into demand on the kernel and binds what it is offered.
