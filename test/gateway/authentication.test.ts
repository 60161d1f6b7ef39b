import { acceptKey } from '../../gateway/authentication';

const key = 'ceab673e2b6794dd31be3dcf12f1db9d';
const authenticate = acceptKey(key);

test('the key is accepted', () => {
  expect(authenticate(key)).toBe(true);
});

test.each([undefined, '', key.slice(1), `${key} `, key.toUpperCase(), `${key}, ${key}`])(
  '%p is not accepted',
  (presented) => {
    expect(authenticate(presented)).toBe(false);
  },
);
