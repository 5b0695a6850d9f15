extension HouseFile {
    /// A configuration with every key, explained; `adit pool run --example` prints it.
    public static let example = """
        # A pool of one's own: adit pool run --config pool.toml
        # Paths are relative to this file. Lines that begin with # show what counts without them.

        [listen]
        # Where miners connect: stratum2+tcp://HOST:PORT/KEY. Only this machine, until you say otherwise: for a household,
        # the address of this machine in its network, as 192.168.1.10:3336.
        # mining = "127.0.0.1:3336"
        # Where miners that choose their transactions declare their jobs.
        # declaration = "127.0.0.1:3337"
        # Addresses like 0.0.0.0 let everybody in who can reach this machine. Say true if that is what you want.
        # all_interfaces = false

        [pool]
        # The secret that miners know the pool by. Made once: adit pool keygen --out pool.key
        authority_key = "pool.key"
        # What blocks pay to: an address, or a descriptor of one script. main, test, testnet4, signet or regtest must be
        # the network of the node too.
        payout = "YOUR ADDRESS"
        # network = "main"
        # Of a block that a miner composes, so much must go to the payout; what is left the miner may pay elsewhere.
        # payout_percent = 100
        # What the operator keeps, in the parts that adit pool report works out.
        # fee_percent = 0
        # What the pool's own blocks say in their coinbase.
        # tag = "/adit/"
        # How often each miner should send a share: more is smoother, fewer is less work.
        # shares_per_minute = 6

        [nodes]
        # The nodes that templates come from, the most wanted first. Each judges, and takes found blocks.
        #   "node:"                              the node on this machine, with its cookie
        #   "http://USER:PASSWORD@HOST:8332"     with a password: keep this file to yourself (chmod 600)
        #   "http://HOST:8332?cookie=/PATH/.cookie"
        sources = ["node:"]
        # For tests, instead of a node: a recording that is played. Its blocks are worth nothing.
        # recording = "regtest-node.json.gz"

        [modes]
        # Jobs made here, for devices that choose nothing.
        # own_jobs = true
        # Miners that choose their transactions and show them, which are then checked by the node.
        # full_template = true
        # Miners that choose and show only the coinbase. Whether their blocks are valid shows when they find one.
        # coinbase_only = true
        # The list of this node's transactions, for miners that want to choose and have no node.
        # base_template = true

        [limits]
        # connections = 256            # of each kind
        # channels = 4096              # in all
        # late_share_seconds = 2       # shares for the block before are still taken

        [ledger]
        # Accepted shares and found blocks, an SQLite database. Not in a folder that others may write to.
        # path = "shares.db"

        """
}
