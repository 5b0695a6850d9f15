public import Units

/// Why a connection to a pool is of no use any more. The client tries again by itself.
public enum SV1ClientFault: Error, Hashable, Sendable {
    public enum Deadline: Hashable, Sendable {
        /// The connection was not there in time.
        case connect
        /// No answer to `mining.configure`, `mining.subscribe` or `mining.authorize`.
        case subscribe, authorize
        /// Authorized, but no job.
        case firstJob
        /// A pool that worked has said nothing at all for too long.
        case silence
    }

    case deadline(Deadline)
    /// The connection ended, or could not be made; the edge knows why.
    case disconnected
    case subscriptionRefused(code: Int?, message: String)
    /// The user name is not welcome.
    case authorizationRefused(code: Int?, message: String)
    /// Fewer bytes to roll than asked for.
    case extranonceTooShort(granted: Int, wanted: Int)
    /// A line that is no message. The pool's line, made printable, cut to 200 characters.
    case badLine(LineFault, line: String)
    /// `client.reconnect`: the pool asked us to come again, here or elsewhere.
    case sentAway(host: String, port: Int)
    /// `stop` was called.
    case stopped
}

/// What became of a share that did not reach the pool.
public enum SV1WithheldReason: Hashable, Sendable {
    /// Not connected and authorized.
    case notWorking
    /// The job was of another connection, was cleaned away, or is older than the jobs kept.
    case staleJob
    /// Its hash exceeds the job's target.
    case aboveTarget
    /// Bits of the version are rolled that the pool, by now, does not let roll.
    case versionBits
    /// Not the size of extranonce2 that was granted.
    case extranonceSize
}

extension SV1Client {
    public struct Configuration: Hashable, Sendable {
        public var url: PoolURL
        public var user: String
        public var password: String
        /// `name/version`.
        public var userAgent: String
        /// Version bits that the chips can roll (BIP 320: 0x1fffe000); 0 does not ask the pool.
        public var versionMask: UInt32 = 0x1fff_e000
        public var minimumVersionBits = 2
        /// Asked of the pool once authorized; it may ignore that.
        public var suggestedDifficulty: ShareDifficulty?
        /// Lets the pool change our extranonce without a new connection.
        public var subscribesExtranonce = true
        /// Bytes to roll, at least.
        public var minimumExtranonce2Size = 2

        public var connectDeadline = Duration.seconds(15)
        public var subscribeDeadline = Duration.seconds(10)
        public var authorizeDeadline = Duration.seconds(10)
        public var firstJobDeadline = Duration.seconds(60)
        /// Pools send a job every 30 to 60 s.
        public var silenceDeadline = Duration.seconds(180)
        /// The pool has so long to answer a share; then it is reported as unanswered.
        public var shareDeadline = Duration.seconds(60)
        /// Wait before the next try after a failure, doubled with each in a row, up to the maximum; of each
        /// between half and all, by chance.
        public var firstRetry = Duration.seconds(1)
        public var maximumRetry = Duration.seconds(60)
        /// A connection that worked so long makes earlier failures forgotten.
        public var healthyTime = Duration.seconds(600)

        public init(url: PoolURL, user: String, password: String = "x", userAgent: String) {
            self.url = url
            self.user = user
            self.password = password
            self.userAgent = userAgent
        }
    }

    /// A share found for a job of this client.
    public struct Share: Hashable, Sendable {
        /// `SV1Job.serial`.
        public var job: UInt64
        public var extranonce2: [UInt8]
        /// The whole field, rolled bits included.
        public var version: UInt32
        public var time: UInt32
        public var nonce: UInt32
        /// The caller's own number.
        public var ticket: UInt64

        public init(
            job: UInt64, extranonce2: [UInt8], version: UInt32, time: UInt32, nonce: UInt32, ticket: UInt64
        ) {
            self.job = job
            self.extranonce2 = extranonce2
            self.version = version
            self.time = time
            self.nonce = nonce
            self.ticket = ticket
        }
    }

    public enum Event: Hashable, Sendable {
        /// Comes once.
        case start
        /// The connection that was asked for is up, TLS included.
        case connected
        /// It could not be made, or has ended.
        case disconnected
        /// A line without its end.
        case received([UInt8])
        case submit(Share)
        case woke
        /// No more tries. Comes once, at any time.
        case stop
    }

    public enum Action: Hashable, Sendable {
        /// Open a connection; `connected` or `disconnected` is to follow.
        case connect(host: String, port: Int, tls: Bool)
        /// Close the connection, or stop trying to make it; nothing of it is to be reported any more.
        case disconnect
        /// A line with its end.
        case send([UInt8])
        /// Subscribed and authorized.
        case working
        /// Mine this from now on. With `cleanJobs` all earlier jobs are over.
        case job(SV1Job)
        /// The connection was given up: jobs are over, and shares will be withheld until the next job.
        case down(SV1ClientFault, retryAfter: Duration?)
        case shareAccepted(ticket: UInt64)
        case shareRejected(ticket: UInt64, ShareRejection)
        /// Not sent.
        case shareWithheld(ticket: UInt64, SV1WithheldReason)
        /// Sent, and what the pool made of it will never be known.
        case shareUnanswered(ticket: UInt64)
        /// The pool has something to say to people. Printable, 200 characters at most.
        case message(String)
        /// The pool would have us go to a host that does not belong to it.
        case reconnectRefused(host: String, port: Int)
        /// Something without use here, by name; all are counted by the caller.
        case ignored(String)
        case wake(at: Instant)
    }
}
