/** Escapes text for a container's arguments and variables, in which the kubelet would replace `$(NAME)` and `$$`. */
export function escapeVariables(text: string): string {
  return text.replaceAll('$', () => '$$');
}
