import { type Answer, ERRORS, errorAnswer, okAnswer, type ServiceError } from './answers.js';
import { parseObject } from './json.js';

const SERVICE_CODE = 'cognito-idp';
const QUOTA_CODE = 'L-5987B8A0';

/** GetServiceQuota of Service Quotas: the most that the account may have in force, for the one quota that there is. */
export function getServiceQuota(body: string, region: string, perSecond: number): Answer {
  const fields = parseObject(body);
  if (fields === undefined) return errorAnswer(ERRORS.badJson);
  const { ServiceCode, QuotaCode } = fields;
  if (typeof ServiceCode !== 'string' || typeof QuotaCode !== 'string') return errorAnswer(NO_CODES);
  if (ServiceCode !== SERVICE_CODE) return errorAnswer(noSuch('service'));
  if (QuotaCode !== QUOTA_CODE) return errorAnswer(noSuch('quota'));
  return okAnswer({
    Quota: {
      ServiceCode,
      ServiceName: 'Amazon Cognito User Pools',
      QuotaArn: `arn:aws:servicequotas:${region}:123456789012:${SERVICE_CODE}/${QUOTA_CODE}`,
      QuotaCode,
      QuotaName: 'Rate of UserCreation requests',
      Value: perSecond,
      Unit: 'None',
      Adjustable: true,
      GlobalQuota: false,
      QuotaAppliedAtLevel: 'ACCOUNT',
    },
  });
}

const NO_CODES: ServiceError = {
  error: 'IllegalArgumentException',
  message: 'ServiceCode and QuotaCode are required.',
};

const noSuch = (what: 'service' | 'quota'): ServiceError => ({
  error: 'NoSuchResourceException',
  message: `The request failed because the specified ${what} does not exist.`,
});
