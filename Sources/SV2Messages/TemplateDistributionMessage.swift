/// What may arrive on a template distribution connection, at either end. `setNewPrevHash` is the template
/// variant.
public enum TemplateDistributionMessage: LinkMessage {
    case common(CommonMessage)
    case coinbaseOutputConstraints(CoinbaseOutputConstraints)
    case newTemplate(NewTemplate)
    case setNewPrevHash(TemplateSetNewPrevHash)
    case requestTransactionData(RequestTransactionData)
    case requestTransactionDataSuccess(RequestTransactionDataSuccess)
    case requestTransactionDataError(RequestTransactionDataError)
    case submitSolution(SubmitSolution)

    public static let readers = MessageReaders<Self>(
        CommonMessage.readers.map { .common($0) } + [
            .reading(coinbaseOutputConstraints), .reading(newTemplate), .reading(setNewPrevHash),
            .reading(requestTransactionData), .reading(requestTransactionDataSuccess),
            .reading(requestTransactionDataError), .reading(submitSolution),
        ])

    public var message: any SV2Message {
        switch self {
        case .common(let message): message.message
        case .coinbaseOutputConstraints(let message): message
        case .newTemplate(let message): message
        case .setNewPrevHash(let message): message
        case .requestTransactionData(let message): message
        case .requestTransactionDataSuccess(let message): message
        case .requestTransactionDataError(let message): message
        case .submitSolution(let message): message
        }
    }
}
