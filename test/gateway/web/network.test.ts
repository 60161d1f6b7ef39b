import { describeNetwork } from '../../../gateway/web/src/network';

const none = { internet: false, ranges: [], hosts: [] };

test.each([
  [none, 'Network: own database only.'],
  [{ ...none, internet: true }, 'Network: own database, internet.'],
  [
    {
      ...none,
      ranges: [
        { cidr: '203.0.113.0/24', ports: null },
        { cidr: '2001:db8::/32', ports: [443, 80] },
      ],
    },
    'Network: own database, ranges 203.0.113.0/24, 2001:db8::/32 (443, 80).',
  ],
  [
    { ...none, hosts: [{ host: '*.example.com', ports: [443] }] },
    'Network: own database, hosts *.example.com (443).',
  ],
  [
    { ...none, hosts: 'abcdefg'.split('').map((name) => ({ host: `${name}.example.com`, ports: [443] })) },
    expect.stringMatching(/e\.example\.com \(443\) and 2 more\.$/) as string,
  ],
])('%j is described', (egress, sentence) => expect(describeNetwork(egress)).toEqual(sentence));
