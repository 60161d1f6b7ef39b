/** Escapes text for a container's arguments and variables: the kubelet would replace `$(NAME)` and `$$`. */
export function literal(text: string): string {
  return text.replaceAll('$', () => '$$');
}
