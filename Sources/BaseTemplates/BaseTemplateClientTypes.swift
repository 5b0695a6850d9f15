public import BitcoinPrimitives
public import SV2Codec
public import Units

/// Why the base template of a connection is of no use any more. It concerns this source of templates and nothing else:
/// the connection and what was declared on it go on.
public enum BaseTemplateFault: Error, Hashable, Sendable {
    public enum Deadline: Hashable, Sendable { case answer, segment, list, currentList, silence }
    /// The server did not agree to the extension, or stayed silent when it was asked.
    case notGranted
    case refused(WireText)
    case version(UInt16)
    /// The message of that name does not decode.
    case malformed(String, CodecError)
    case record(String, RecordFault)
    case list(ListFault)
    case tip(TipFault)
    case coinbase(CoinbaseRulesFault)
    /// More than a list may have, or what is announced does not fit together.
    case listSize(candidates: Int, bytes: Int, segments: Int)
    /// The segments hold other than was announced.
    case listDiffers(bytes: Int, announced: Int)
    /// A header time before the earliest that its tip allows.
    case headerTime(UInt32, minimum: UInt32)
    case tooManyMessages
    case tooManyLists
    /// The pool changed its demands too often to be mined for.
    case restlessCoinbase
    case tooOftenLost(BaseTemplateLoss)
    /// So many of its own transactions the pool did not know at one tip.
    case unknownTransactions(Int)
}

/// Why a list was given up, so that another one is asked for.
public enum BaseTemplateLoss: Error, Hashable, Sendable {
    case sequence(UInt64, expected: UInt64)
    case segment(UInt16, expected: Int)
    case outOfStep(ListFault)
    /// No answer, segment or change came for so long.
    case deadline(BaseTemplateFault.Deadline)
    case unknownTransactions(Int)
    case asked

    var reason: RequestBaseTemplate.Reason {
        switch self {
        case .sequence, .segment: .outOfSequence
        case .outOfStep: .outOfStep
        case .unknownTransactions: .unknownTransaction
        case .deadline, .asked: .lost
        }
    }
}

extension BaseTemplateClient {
    public struct Configuration: Hashable, Sendable {
        /// For the answer to a request.
        public var answerDeadline = Duration.seconds(10)
        /// For the next segment.
        public var segmentDeadline = Duration.seconds(10)
        public var listDeadline = Duration.seconds(60)
        /// For the message that makes a list current again.
        public var currentListDeadline = Duration.seconds(30)
        /// For any message; a server says something twice a minute.
        public var silenceDeadline = Duration.seconds(90)
        /// Between two requests.
        public var requestInterval = Duration.seconds(5)
        /// Lists that may get lost, and within which time; one more is a fault.
        public var maximumLosses = 5
        public var lossWindow = Duration.seconds(600)
        /// How often "no-template" is an answer, one after the other.
        public var maximumRefusals = 60
        /// Transactions of one tip that the pool listed and then did not know; more is a fault.
        public var maximumUnknown = 64
        /// Numbered messages in ten seconds, and other coinbases in a minute.
        public var maximumMessages = 200
        public var maximumCoinbases = 6
        /// Of the network, where it is known: new coins are then checked exactly.
        public var subsidies: SubsidySchedule?

        public init() {}
    }

    public enum Event: Hashable, Sendable {
        /// Extensions were agreed on, or it was given up (extension 0x0001, one second): those that were granted.
        case negotiated(Set<UInt16>)
        /// A frame of this extension (`BaseTemplateMessage.owns`).
        case frame(FrameHeader, [UInt8])
        /// The server asked for transactions of a declared job that are from its own list. Of no use while another list
        /// is on its way.
        case unknownTransactions([Wtxid])
        /// The owner mistrusts the list.
        case resync
        /// The owner wants nothing more for now; `resync` begins again.
        case stop
        case woke
    }

    /// In the order in which they are to be done. What they are about is in the client already.
    public enum Action: Hashable, Sendable {
        case send(BaseTemplateMessage)
        /// The whole list: takes the place of all that a mempool had. Parents come before children.
        case list([MempoolEntry])
        /// For a mempool, as ``BitcoinPrimitives/MempoolChange`` says.
        case mempool(MempoolChange)
        /// Build on this from now on: with the list where ``isCurrent``, else an empty block.
        case tip(NextBlock)
        case coinbase(CoinbaseRules)
        /// Whether templates may be built of the list, when it changes.
        case current(Bool)
        /// The list is given up, and another one asked for.
        case lost(BaseTemplateLoss)
        /// "no-template"; asked again later.
        case refused(WireText)
        /// A message without use here; once a name, all are counted.
        case ignored(String)
        /// The source is of no use any more.
        case failed(BaseTemplateFault)
        case wake(at: Instant)
    }
}
