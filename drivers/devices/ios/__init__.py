"""iPhones, over usbmuxd."""
