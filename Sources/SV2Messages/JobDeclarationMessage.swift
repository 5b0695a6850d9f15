/// What may arrive on a job declaration connection, at either end.
public enum JobDeclarationMessage: LinkMessage {
    case common(CommonMessage)
    case allocateMiningJobToken(AllocateMiningJobToken)
    case allocateMiningJobTokenSuccess(AllocateMiningJobTokenSuccess)
    case declareMiningJob(DeclareMiningJob)
    case declareMiningJobSuccess(DeclareMiningJobSuccess)
    case declareMiningJobError(DeclareMiningJobError)
    case provideMissingTransactions(ProvideMissingTransactions)
    case provideMissingTransactionsSuccess(ProvideMissingTransactionsSuccess)
    case pushSolution(PushSolution)

    public static let readers = MessageReaders<Self>(
        CommonMessage.readers.map { .common($0) } + [
            .reading(allocateMiningJobToken), .reading(allocateMiningJobTokenSuccess),
            .reading(declareMiningJob), .reading(declareMiningJobSuccess), .reading(declareMiningJobError),
            .reading(provideMissingTransactions), .reading(provideMissingTransactionsSuccess),
            .reading(pushSolution),
        ])

    public var message: any SV2Message {
        switch self {
        case .common(let message): message.message
        case .allocateMiningJobToken(let message): message
        case .allocateMiningJobTokenSuccess(let message): message
        case .declareMiningJob(let message): message
        case .declareMiningJobSuccess(let message): message
        case .declareMiningJobError(let message): message
        case .provideMissingTransactions(let message): message
        case .provideMissingTransactionsSuccess(let message): message
        case .pushSolution(let message): message
        }
    }
}
