import { originOf, type AppsDomain } from '../../infrastructure/config/appsDomain';

/** The URL at which browsers reach a user's program; null if the gateway forwards to no program. */
export type ProgramUrl = (userId: string) => string | null;

/** Without a domain for programs, the URL is a path of the gateway. */
export function programUrls({
  isForwarding,
  domain,
}: {
  isForwarding: boolean;
  domain: AppsDomain | null;
}): ProgramUrl {
  return (userId) => {
    if (!isForwarding) return null;
    const url = domain && `${originOf(userId, domain)}/`;
    // Browsers refuse a label such as `xn--a`, which is the id of a user but not Punycode.
    return url !== null && URL.canParse(url) ? url : `/apps/${userId}/`;
  };
}
