"""Image networks: one file each, from MONAI; see `blocks` for what they share and `loader` to choose one."""
