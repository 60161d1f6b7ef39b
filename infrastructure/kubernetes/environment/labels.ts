/** Labels of users' environments. */

/** Label selector of users' namespaces. */
export const USER_NAMESPACES = 'app.kubernetes.io/managed-by=orchestration-app,orchestration-app/user';

/** Labels of every object of a user's environment. */
export function ownedBy(userId: string): Record<string, string> {
  return { 'app.kubernetes.io/managed-by': 'orchestration-app', 'orchestration-app/user': userId };
}

/** Labels of test pods, and the selector that finds them. */
export function testPodLabels(userId: string): Record<string, string> {
  return { app: 'test', ...ownedBy(userId) };
}
