// The validators of the v1 package, under one name each.
export { PaymentPayloadSchema, PaymentRequirementsSchema, SettleResponseSchema } from "x402/types";
export { decodeXPaymentResponse } from "x402/shared";
