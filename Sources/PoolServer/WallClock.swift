import Glibc

/// Seconds since 1970 by this machine's clock, for header times and tokens.
func unixTime() -> UInt32 { UInt32(clamping: time(nil)) }
