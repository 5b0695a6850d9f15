/// The bits of `SetupConnection.flags` and `SetupConnection.Success.flags`. Their meaning depends on the
/// sub-protocol; template distribution has none. Source: SV2 sections 5.3.1 and 6.4.1.
public enum SetupFlags {
    /// Bits a client sets on a mining connection.
    public enum Mining {
        public static let requiresStandardJobs: UInt32 = 1 << 0
        public static let requiresWorkSelection: UInt32 = 1 << 1
        public static let requiresVersionRolling: UInt32 = 1 << 2
    }

    /// Bits a server answers with on a mining connection.
    public enum MiningSuccess {
        /// Not to be set for a client that asked for version rolling.
        public static let requiresFixedVersion: UInt32 = 1 << 0
        public static let requiresExtendedChannels: UInt32 = 1 << 1
    }

    /// Bits a client sets on a job declaration connection.
    public enum JobDeclaration {
        /// Full-template mode when set, coinbase-only when not.
        public static let declareTxData: UInt32 = 1 << 0
    }
}
