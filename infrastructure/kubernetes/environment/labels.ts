/** Labels of users' environments. */

/** Label of everything that belongs to a user; its value is the user's id. */
export const USER_LABEL = 'orchestration-app/user';

/** Label selector of users' namespaces. */
export const USER_NAMESPACES = `app.kubernetes.io/managed-by=orchestration-app,${USER_LABEL}`;

/** Labels of every object of a user's environment. */
export function ownedBy(userId: string): Record<string, string> {
  return { 'app.kubernetes.io/managed-by': 'orchestration-app', [USER_LABEL]: userId };
}

/** Labels of test pods, and the selector that finds them. */
export function testPodLabels(userId: string): Record<string, string> {
  return { app: 'test', ...ownedBy(userId) };
}
